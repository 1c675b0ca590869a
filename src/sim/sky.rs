//! The shared sky: carries packets between simulated modems and the simulated Hive.
