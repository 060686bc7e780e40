"""The HTTP side of the service: app, middleware, authentication, request parsing and routes."""
