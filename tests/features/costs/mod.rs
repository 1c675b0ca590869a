//! Money: budgets, prices, what goes first and for how much, and what was counted.

mod bill;
mod budget;
mod priority;
mod usage;
