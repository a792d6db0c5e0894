"""Options of the commands: dataclasses whose fields carry their own limits and effects."""
