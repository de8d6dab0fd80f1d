"""Containers that are not models of image programs: recognized, and searched for what would act when loaded."""
