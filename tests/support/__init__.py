"""The real servers, clients and browser that the tests run against."""
