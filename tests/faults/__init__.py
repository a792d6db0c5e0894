"""What the project does when it is killed, and when the disk is full or cannot be written."""
