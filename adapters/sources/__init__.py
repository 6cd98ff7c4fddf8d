"""Sources: any JSON, XML or CSV API by configuration, and local data sets."""
