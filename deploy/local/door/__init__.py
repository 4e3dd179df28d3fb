"""The local HTTP door in front of chDB: it speaks ClickHouse's HTTP interface for one data directory."""
