import { z } from 'zod'
import { list, oneOf, section, text } from './fields.ts'

/** A claim's name, a dotted path, or a list of keys. */
const claimPath = () =>
  z
    .union([text(), list(text()).min(1, 'must name at least one')], {
      error: 'must be text or a list of texts',
    })
    // Keycloak: resource_access.<client id>.roles.
    .refine(
      (path) => typeof path !== 'string' || !/^resource_access\.(.+\.){2,}/.test(path),
      'would take a client id with a dot apart and find nothing: write it as a list, [resource_access, my.client, roles]',
    )

/** Which claims say who somebody is. */
export const claimNames = () =>
  section({
    subject: claimPath().default('sub').describe('Claim that says who it is.'),
    name: claimPath()
      .default('name')
      .describe('Claim with the name to show; the subject is shown where it is missing.'),
    groups: claimPath()
      .default('groups')
      .describe('Claim with the groups: a list of texts, or one text that `separator` takes apart.'),
    separator: oneOf(['commas', 'spaces', 'none'])
      .optional()
      .describe(
        'What stands between groups that come as one text. Default: `commas`; a group may have blanks in its name. `spaces`: blanks or commas.',
      ),
  })
