"""What makes negatives."""
