/* What the files of a request share: request.c (memory and steps), request_entry.c (which entry it runs), request_bind.c
 * (inputs, outputs and state), request_run.c (runs). */
#ifndef ERC_REQUEST_H
#define ERC_REQUEST_H

#include "runtime/core/handles.h"

/* Whether the device runs kernels, so that there are outputs and run-time dimensions. */
static inline bool erc__request_computes(const struct erc_request *request)
{
	return request->session->model->runtime->device->ops->flags & ERC__DEVICE_COMPUTES;
}

static inline enum erc__job_state erc__request_job_state(const struct erc_request *request)
{
	return (enum erc__job_state)atomic_load_explicit(&request->job.state, memory_order_acquire);
}

/* ---- request_entry.c ---- */

/* The next runs are of this form. */
void erc__request_take_form(struct erc_request *request, struct erc__form *form);

/* ---- request_resize.c ---- */

/* An input or output as the form has it now. tensor: inputs, then outputs. */
const struct erca_tensor *erc__form_tensor(const struct erc_request *request, const struct erc__form *form,
                                           uint32_t tensor);
static inline const struct erca_tensor *erc__request_tensor(const struct erc_request *request, uint32_t tensor)
{
	return erc__form_tensor(request, request->form, tensor);
}
const struct erca_range *erc__form_range(const struct erc_request *request, const struct erc__form *form,
                                         uint32_t range);
/* Takes the memory for other sizes, if the entry has ranges; at first they have their maximum. */
enum erc_status erc__form_prepare_sizes(struct erc_request *request, struct erc__form *form);
void erc__form_free_sizes(struct erc__form *form);
/* Computes all numbers for these sizes, which must be in the ranges. */
enum erc_status erc__form_resize(struct erc_request *request, struct erc__form *form, const int64_t *sizes);

/* ---- request_predict.c ---- */

/* Sets the times of the form's tiles, its forecast and its ratio. */
void erc__form_predict(struct erc_request *request, struct erc__form *form);

/* ---- request_bind.c ---- */

/* Unbinds what has other dims than `before`, and ends the states of such tensors. `before`: the tensors of the request's
 * form as they were. */
void erc__request_keep_bindings(struct erc_request *request, const struct erca_tensor *before,
                                const struct erc__form *next);
/* Points the operands of the request's form at what is bound. */
void erc__request_point_all(struct erc_request *request);

/* Fails with ERC_INVALID and names the first input or output that has no memory. */
enum erc_status erc__request_check_bound(const struct erc_request *request);
/* After a successful run: each state's two buffers change places. */
void erc__request_step_states(struct erc_request *request);
void erc__state_free(struct erc__state *state);

#endif
