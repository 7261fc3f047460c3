"""What decodes pictures of strangers, in a child process of its own (child.py); the door to it is infra/imaging.py."""
