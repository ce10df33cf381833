import { errorClass } from '#base'

/** Everything that looking at a machine can say. What only could not be seen is part of the result, not an error. */
export const discoverErrors = {
  LOOK_ROOT_INVALID: {
    message: '"{root}" is no folder, so nothing can be looked at there.',
    hint: 'Give the folder that has the etc, var and home of the machine in it.',
  },
} as const

export class DiscoverError extends errorClass('DiscoverError', discoverErrors) {}
