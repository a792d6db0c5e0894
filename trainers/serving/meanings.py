"""Meanings of tasks, and of inputs and outputs of signatures, as model cards state them."""

__all__ = ["INPUTS", "OUTPUTS", "TASKS"]

TASKS = {
    "classification": "classification, trained with labels",
    "deblending": "deblending: the central galaxy of a blend, trained with simulated ones",
    "regression": "regression: a number for each image, trained with known ones",
    "unsupervised_classification": "classification, trained without labels",
    "representation": "representation: latent variables of the inputs, trained without labels",
    "generation": "generation: images drawn from latent variables, trained without labels",
    "segmentation": "segmentation: a class or segment for each pixel",
    "spectrum": "spectrum: that of the object in an image, trained with known ones",
    "votes": "votes: how volunteers answer the questions of a decision tree, trained with votes",
}

INPUTS = {
    "image": "Images in survey units",
    "spectrum": "Flux in each bin of wavelength, in any unit",
    "inverse_variance": "Inverse variance of the flux, 0 for bins without data",
    "image_bytes": "Contents of JPEG or PNG files with 8 bits a band",
    "galactic_reddening": "E(B-V) in the Galaxy, mag",
    "redshift": "Redshift of the spectrum",
    "latent": "Latent variables, for instance the latent means that `encode` returns",
    "seed": "Whole numbers; the same one gives the same answer",
}

OUTPUTS = {
    "image": "Images that the decoder draws",
    "spectrum": "Spectra that the decoder draws, of mean flux about 1",
    "spectrum_sigma": "Scatter of each bin of `spectrum` by the posterior of the latents",
    "chi2": "Mean over good bins of the squared deviation of the reconstruction over the variance",
    "probability": "Probability of each class, in the order of the class names",
    "embedding": "Features of the image that the model has learnt, or else its latent means",
    "latent_mean": "Mean of the posterior of the latent variables given the image",
    "latent_stddev": "Standard deviation of that posterior, for each latent variable alone",
    "reconstruction": "The model's rendering of the image, in the units of the input",
    "segment": "Number of the segment of each pixel, -1 where the pixel is unknown",
    "pixel_probabilities": "Probability of each class in each pixel, in the order of the class "
    "names, -1 where the pixel is unknown",
    "pixel_variance": "Variance of these probabilities over the windows that cover the pixel",
    "pixel_ranks": "Share of the windows in which the class ranks first in the pixel",
    "pixel_centres": "Height of a peak at the centres of sources, 0 to 1, -1 where unknown",
    "deblended": "The target galaxy without its neighbours, NaN where the pixel is unknown",
    "deblended_sigma": "Standard deviation of each pixel of `deblended`",
    "flux": "Flux of the target galaxy in each band, the sum over the stamp",
    "flux_sigma": "Standard deviation of `flux`",
    "latent": "Latent variables that the image is drawn from",
    "log_prior": "Log density of the latent variables under the prior of the galaxies",
    "anomaly_score": "Weighted sum of the residuals of pixels and critic features, the least that "
    "the search finds, in standard deviations above the mean of training images",
    "image_score": "Sum of the residuals of the pixels, likewise",
    "feature_score": "Sum of the residuals of the critic's features, likewise",
    "fractions": "Expected share of each answer among the volunteers who are asked its question",
    "asked": "Expected share of all volunteers who come to each question",
    "concentrations": "Concentrations of the Dirichlet-multinomial votes, for each pass and answer",
    "pass_fractions": "Probability of each answer in the multinomial votes, for each pass",
    "redshift": "Mean of the distribution of the redshift",
    "redshift_stddev": "Standard deviation of the distribution of the redshift",
    "redshift_lower": "Quantile 0.159 of the distribution of the redshift",
    "redshift_median": "Median of the distribution of the redshift",
    "redshift_upper": "Quantile 0.841 of the distribution of the redshift",
    "redshift_pdf": "Probability density of the redshift in bins of equal width over the range "
    "`redshift_range` of the model",
}
