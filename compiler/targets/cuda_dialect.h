/* What a kernel template may use of a GPU. A template defines TILE_BODY: all THREADS threads of a block compute one
 * tile together. `local` is the block's shared memory: it is aligned to 16 bytes, has at least the variant's
 * local_bytes, and its contents are undefined at first. A template uses nothing else of CUDA, and is valid C as well as
 * C++. So other dialects (cuda_emulate.h, for tests on a CPU) can define the same names.
 * The compiler defines THREADS, and ASYNC (1: the architecture copies to shared memory asynchronously). */
#ifndef THREADS
#define THREADS 128
#define ASYNC 1
#endif
#define FN static __device__ __forceinline__
#define SLOW static __device__ __noinline__
#define CONSTANT static __device__ const
#define UNROLL _Pragma("unroll")
#define CPU_PARAM(name)
#define GPU_PARAM(name) PARAM_##name,
#define TILE_BODY \
	static __device__ __forceinline__ void tile_body(const struct erc_tile_args *args, uint32_t tile, void *local)

/* 0 .. THREADS - 1 */
#define THREAD ((int)threadIdx.x)
#define WARP 32
FN void barrier(void)
{
	__syncthreads();
}
/* The value of another thread: its number in the warp differs in the bits of `mask`. All threads of the warp must call
 * it. */
FN float shuffle_xor(float x, int mask)
{
	return __shfl_xor_sync(0xffffffffu, x, mask);
}

/* a * b + c, rounded once. The compiler contracts no other operations. So all variants, both kernels of an image and
 * the emulated ones round in the same way. */
FN float fma_of(float a, float b, float c)
{
	return __fmaf_rn(a, b, c);
}

/* Four floats, aligned to 16 bytes. */
typedef float4 float4_value;
FN float4_value float4_load(const float *p)
{
	return *(const float4 *)p;
}
FN float4_value float4_of(float a, float b, float c, float d)
{
	return make_float4(a, b, c, d);
}
/* i must be a constant once loops are unrolled. */
FN float float4_get(float4_value x, int i)
{
	return i == 0 ? x.x : i == 1 ? x.y : i == 2 ? x.z : x.w;
}
FN void float4_store(float *p, float4_value x)
{
	*(float4 *)p = x;
}

/* Copies to shared memory. A copy may still run when the call returns. copy_commit ends a group of a thread's copies.
 * copy_wait(n) returns when all of the thread's groups except its last n have arrived; n is a constant. After a barrier
 * the other threads see them too. If is_valid is 0, zeros are written and nothing is read. */
#if ASYNC
FN void copy_4(float *to, const float *from, int is_valid)
{
	uint32_t address = (uint32_t)__cvta_generic_to_shared(to);
	asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;"
	             :
	             : "r"(address), "l"(from), "r"(is_valid ? 4 : 0)
	             : "memory");
}
FN void copy_16(float *to, const float *from, int is_valid)
{
	uint32_t address = (uint32_t)__cvta_generic_to_shared(to);
	asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
	             :
	             : "r"(address), "l"(from), "r"(is_valid ? 16 : 0)
	             : "memory");
}
FN void copy_commit(void)
{
	asm volatile("cp.async.commit_group;" : : : "memory");
}
#define copy_wait(n) asm volatile("cp.async.wait_group %0;" : : "n"(n) : "memory")
#else
FN void copy_4(float *to, const float *from, int is_valid)
{
	*to = is_valid ? *from : 0.0f;
}
FN void copy_16(float *to, const float *from, int is_valid)
{
	*(float4 *)to = is_valid ? *(const float4 *)from : make_float4(0.0f, 0.0f, 0.0f, 0.0f);
}
FN void copy_commit(void)
{
}
#define copy_wait(n) ((void)0)
#endif

/* ---- for the entries around the tile body (cuda_entry.h), not for templates ---- */

/* One block per unit is enough. With more, ptxas would use fewer registers, and spill. */
#define ENTRY(name) \
	extern "C" __global__ void __launch_bounds__(THREADS, 1) name(const __grid_constant__ struct erc_cuda_launch launch)
#define DECLARE_LOCAL extern __shared__ __align__(16) char local[]
#define DECLARE_SHARED(type, name) __shared__ type name
#define BLOCK ((uint32_t)blockIdx.x)
FN uint64_t read_room(const struct erc_cuda_room *room)
{
	return *(volatile const uint64_t *)&room->word;
}
FN uint64_t read_slot(const struct erc_cuda_slot *slot)
{
	return *(volatile const uint64_t *)slot;
} /* told: high 32 bits, first: low 32 bits */
FN uint32_t read_word(const uint32_t *word)
{
	return *(volatile const uint32_t *)word;
}
FN void write_word(uint32_t *word, uint32_t value)
{
	*(volatile uint32_t *)word = value;
}
/* After the call, all that the counted blocks wrote is visible. */
FN uint32_t read_done(const struct erc_cuda_progress *progress)
{
	uint32_t done = *(volatile const uint32_t *)&progress->done;
	__threadfence();
	return done;
}
FN uint32_t read_next(const struct erc_cuda_progress *progress)
{
	return *(volatile const uint32_t *)&progress->next;
}
FN void pause(void)
{
	__nanosleep(200);
}
FN uint32_t claim_tile(struct erc_cuda_progress *progress)
{
	return atomicAdd(&progress->next, 1u);
}
/* All that the block wrote is visible to whoever reads the count. */
FN void count_done(struct erc_cuda_progress *progress)
{
	__threadfence();
	atomicAdd(&progress->done, 1u);
}
FN uint64_t global_ns(void)
{
	uint64_t ns;
	asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(ns));
	return ns;
}
FN void keep_largest(uint64_t *at, uint64_t value)
{
	atomicMax((unsigned long long *)at, (unsigned long long)value);
}

/* The names by which kernel_math.h and other headers call GCC's builtins. */
#define __builtin_memcpy(to, from, bytes) memcpy(to, from, bytes)
#define __builtin_sqrtf(x) sqrtf(x)
#define __builtin_sqrt(x) sqrt(x)
#define __builtin_fabs(x) fabs(x)
#define __builtin_fabsf(x) fabsf(x)
#define __builtin_copysign(x, y) copysign((double)(x), (double)(y))
#define __builtin_signbit(x) signbit(x)
#define __builtin_inff() __int_as_float(0x7f800000)
#define __builtin_nanf(text) __int_as_float(0x7fc00000)
#define __builtin_inf() __longlong_as_double(0x7ff0000000000000LL)
#define __builtin_nan(text) __longlong_as_double(0x7ff8000000000000LL)
