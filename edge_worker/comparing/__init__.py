"""What two commits differ in, for whoever asks over the line; the work is done in a process that ends with this one."""
