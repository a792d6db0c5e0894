"""Objects that are alike, by the embeddings of a catalogue."""
