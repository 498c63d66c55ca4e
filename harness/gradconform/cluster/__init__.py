"""More machines than one: draw, capture and judge as tasks of Dask distributed (docs/cluster.md)."""
