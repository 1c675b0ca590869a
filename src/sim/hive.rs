//! A simulated Swarm Hive.
