"""Everything that brings the service up on one machine. The rooms of the service itself never import it."""
