mod codec;
mod histories;
mod noise;
mod parts;
mod talk;
mod world;
