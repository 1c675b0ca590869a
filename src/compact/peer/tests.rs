mod codec;
mod histories;
mod noise;
mod records;
mod talk;
mod world;
