import { z } from 'zod'
import { idSchema, timeSchema } from './answers.ts'
import { everyClient, roleSchema, tokenScopeSchema } from './rights.ts'

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
  scopes: z
    .array(tokenScopeSchema)
    .min(1)
    .describe('rights that it has at most; "destroy": also where a person would be asked for the password again'),
  expiresAt: timeSchema.optional().describe('when it ends (default: never)'),
})

export const tokenSchema = z.object({
  id: idSchema,
  name: z.string(),
  scopes: z.array(tokenScopeSchema),
  createdAt: timeSchema,
  expiresAt: timeSchema.nullable(),
  lastUsedAt: timeSchema.nullable(),
})

/** A place where a person is signed in. */
export const sessionSchema = z.object({
  id: z.string(),
  /** When password, second factor or passkey were shown. */
  since: timeSchema,
  endsAt: timeSchema,
  address: z.string().nullable(),
  /** What the browser says that it is. */
  program: z.string().nullable(),
  /** Whether it is the one that asks. */
  isOwn: z.boolean(),
})

/** What the removal of a person leaves to be done by hand. */
export const removedPersonSchema = z.object({
  done: z.literal(true),
  /** Who still hears of alerts at the e-mail address of the person: alerts are set up apart from accounts. */
  hearsAlertsAs: z.array(z.object({ id: z.string(), name: z.string() })),
})

export const resetSchema = z.object({
  secondFactor: z
    .boolean()
    .default(false)
    .describe('whether second factor and passkeys go, too, as when the telephone is lost'),
})

export const secondFactorSchema = z.object({
  isSetUp: z.boolean(),
  recoveryCodesLeft: z.int(),
  /** Whether somebody demands it of this person. */
  isDemanded: z.boolean(),
})

/** Shown once. */
export const newSecondFactorSchema = z.object({
  /** For an authenticator app: `otpauth://totp/…`, as it stands or as a QR code. */
  uri: z.string(),
  recoveryCodes: z.array(z.string()),
})

/** Of the second factor: six digits, or a recovery code. */
export const codeSchema = z.string().trim().min(6).max(20).meta({ typed: 'secret' })

export const passkeySchema = z.object({
  id: z.string(),
  name: z.string().nullable(),
  createdAt: timeSchema.nullable(),
  /** Whether it is kept by one device only, or carried from device to device by whoever made them. */
  isOfOneDevice: z.boolean(),
})

export const secondFactorDemandSchema = z.object({
  isDemanded: z.boolean().describe('whether everybody must have one'),
})
