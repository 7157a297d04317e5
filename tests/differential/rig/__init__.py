"""The parts of the differential rig: backends, requests, the gateway, and the comparison."""
