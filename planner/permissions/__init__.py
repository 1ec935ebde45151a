"""From jobs to the least policies under which they can be planned and applied."""
