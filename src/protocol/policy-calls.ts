import { z } from 'zod'
import { idSchema } from './answers.ts'
import { approvalSchema } from './approvals.ts'
import { backupPolicySchema } from './policy.ts'

/** A backup policy as the server keeps it, and the machines that follow it. */
export const storedPolicySchema = z.object({
  id: idSchema,
  clientId: idSchema,
  revision: z.int(),
  policy: backupPolicySchema,
  machines: z.array(idSchema),
  /** What was asked for and not done yet, because something would be kept less long. */
  waits: approvalSchema.optional(),
})
