"""A gate's outcome in the formats that CI systems read. Each module has one function, `dumps`."""
