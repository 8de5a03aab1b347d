# Filled by the installation slice.
