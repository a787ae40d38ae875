"""SHOWS them: one page to look at and to judge by, and plots. Imports exports, storage and schemas."""
