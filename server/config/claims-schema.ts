import { section, text } from './fields.ts'

/** Which claims say who somebody is. */
export const claimNames = () =>
  section({
    subject: text().default('sub').describe('Claim that says who it is.'),
    name: text()
      .default('name')
      .describe('Claim with the name to show; the subject is shown where it is missing.'),
    groups: text()
      .default('groups')
      .describe('Claim with the groups: a list of texts, or one text with spaces or commas between them.'),
  })
