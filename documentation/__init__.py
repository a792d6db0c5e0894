"""The site: the pages of docs/, and those made from models, datasets and notebooks as they are."""
