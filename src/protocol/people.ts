import { z } from 'zod'
import { idSchema, timeSchema } from './answers.ts'
import { everyClient, rightSchema, roleSchema } from './rights.ts'

export const passwordSchema = z.string().min(12).max(256)
export const emailSchema = z.email().max(320).toLowerCase()
export const nameSchema = z.string().trim().min(1).max(200)

/** The first owner, or a person who was invited, with what the link carries. */
export const setUpSchema = z.object({
  token: z.string().min(20).max(200).describe('what the link ends with'),
  email: emailSchema.describe('address to sign in with'),
  name: nameSchema.describe('name of the person'),
  password: passwordSchema,
})

/** A client’s id, or "*" for every client and the server itself. */
export const grantSchema = z
  .object({ clientId: z.union([idSchema, z.literal(everyClient)]), role: roleSchema })
  .meta({ typed: 'grant' })

export const personSchema = z.object({
  id: z.string(),
  email: z.string(),
  name: z.string(),
  secondFactor: z.boolean(),
  roles: z.array(grantSchema),
})

/** Somebody who was invited and has not come yet. */
export const invitationSchema = z.object({
  email: z.string(),
  roles: z.array(grantSchema),
  createdAt: timeSchema,
  expiresAt: timeSchema,
})

export const newTokenSchema = z.object({
  name: nameSchema.describe('what the token is for'),
  scopes: z.array(rightSchema).min(1).describe('rights that it has at most'),
  expiresAt: timeSchema.optional().describe('when it ends (default: never)'),
})

export const tokenSchema = z.object({
  id: idSchema,
  name: z.string(),
  scopes: z.array(rightSchema),
  createdAt: timeSchema,
  expiresAt: timeSchema.nullable(),
  lastUsedAt: timeSchema.nullable(),
})
