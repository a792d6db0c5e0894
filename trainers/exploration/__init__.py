"""Pages in one file on which a person looks at, searches and labels the objects of a catalogue."""
