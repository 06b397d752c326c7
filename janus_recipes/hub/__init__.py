"""The Hugging Face hub: `cards` has what the cards of data sets and models share, `upload` puts a folder there."""
