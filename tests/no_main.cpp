// For the programs that only carry precompiled headers.
int main() { return 0; }
