"""marshmallow schemas, one file a resource: they validate, serialise and make the OpenAPI document."""
