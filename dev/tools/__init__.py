"""What all development tools share: running programs, packages, files, progress, the one error."""
