"""Virtual machines: policies, protected data, restore points, restores, the jobs behind them."""
