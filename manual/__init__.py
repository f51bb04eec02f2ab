"""The manual: the pages of docs/ and of the project's root as one site, which needs nothing from elsewhere.

- `staging`: lays the pages out as the site has them
- `policy`: what its pages may load and run
- `packing`: lays the built site out as a vault serves it
"""
