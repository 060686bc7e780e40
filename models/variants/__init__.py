"""Variants of models: by which backend and in which precision a graph runs here, and the gate that they pass first."""
