"""SHAPES the accepted pairs as trainers, benchmarks and reviewers read them."""
