"""Recipes: what they may say (`schema`), how files become one (`load`), living models (`registry`)."""
