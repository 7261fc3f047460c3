"""What people see on their terminal while the service comes up and goes down."""


def say(line: str) -> None:
    print(f"sinpluma: {line}", flush=True)
