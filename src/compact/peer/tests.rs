mod codec;
mod fates;
mod histories;
mod noise;
mod records;
mod session;
mod world;
