mod codec;
mod histories;
mod noise;
mod talk;
mod world;
