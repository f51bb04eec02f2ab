"""What several figures share: sites as processes, disks with content, the peers."""
