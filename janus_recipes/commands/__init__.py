"""The `janus` command's parts, a file for each stage. A command turns files into files and writes a manifest."""
