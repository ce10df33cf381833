import { errorClass } from '#base'

/** Why something could not be proven. */
export const proofErrors = {
  SAMPLE_EMPTY: {
    message: 'The snapshot {snapshot} has no file that a sample may hold.',
    hint: 'Let test restores take more bytes, or look whether the backup policy covers anything.',
  },
  SCRATCH_TOO_SMALL: {
    message: 'This needs {needed}, and the server’s disk has not so much to spare: {free} are free.',
    hint: 'Have it made on the machine, or on a spare one, or make room where the server keeps its data.',
  },
} as const

export class ProofError extends errorClass('ProofError', proofErrors) {}
