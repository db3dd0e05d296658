/* Functions that the C compiler may call from freestanding code. Every CPU image has its own copy. */
typedef __SIZE_TYPE__ support_size;
#define SUPPORT __attribute__((visibility("hidden"), optimize("no-tree-loop-distribute-patterns")))
void *memcpy(void *to, const void *from, support_size bytes);
void *memmove(void *to, const void *from, support_size bytes);
void *memset(void *to, int value, support_size bytes);
SUPPORT void *memcpy(void *to, const void *from, support_size bytes)
{
	for (support_size i = 0; i < bytes; i++)
		((char *)to)[i] = ((const char *)from)[i];
	return to;
}
SUPPORT void *memmove(void *to, const void *from, support_size bytes)
{
	if (to <= from)
		return memcpy(to, from, bytes);
	while (bytes--)
		((char *)to)[bytes] = ((const char *)from)[bytes];
	return to;
}
SUPPORT void *memset(void *to, int value, support_size bytes)
{
	for (support_size i = 0; i < bytes; i++)
		((char *)to)[i] = (char)value;
	return to;
}
