mod codec;
mod fates;
mod histories;
mod inquiry;
mod noise;
mod records;
mod session;
mod world;
