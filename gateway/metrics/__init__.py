"""What Prometheus is told: a listener that counts, and a collector that is asked at a scrape.

Labels have values from the configuration and from tables of ours alone: whatever is asked, there
are never more series.
"""
