mod codec;
mod histories;
mod noise;
mod records;
mod session;
mod world;
