"""What stands between the gateway and the services that it asks."""
